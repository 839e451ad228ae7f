//! Tests of the rules that keep tenants apart. The attacks on a deployed stack are Python
//! tests in the same folder; they share no code with the functions they attack.
