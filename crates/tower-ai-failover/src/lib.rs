//! A failover router over AI providers, as a tower service.
