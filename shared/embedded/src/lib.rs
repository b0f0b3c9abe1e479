//! An embedded S3 server for the local host.
