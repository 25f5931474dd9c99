//! What is refused, mended and passed, statement by statement.

mod smoke;
