//! What clients may rely on: the checked-in OpenAPI document is what the code says.
