"""Programs for people who develop, test and deploy Bulkhead."""
