//! Attacks on the boundaries, and guards of the rules that keep them. The attacks on a
//! deployed stack are beside this crate, in Python: they share no code with what they
//! attack.
