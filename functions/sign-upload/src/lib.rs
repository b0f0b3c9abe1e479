//! consign: the sign-upload handler.
