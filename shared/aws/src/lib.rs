//! Adapters for AWS and S3-compatible services behind the ports of consign-core..
