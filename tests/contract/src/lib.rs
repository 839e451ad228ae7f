//! Tests that the checked-in OpenAPI document matches the code.
