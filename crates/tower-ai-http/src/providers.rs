#![doc = include_str!("../PROVIDERS.md")]
