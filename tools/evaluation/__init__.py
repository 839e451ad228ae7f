"""`make eval`: how well the tenant's passages are found, and whether other tenants change that."""
