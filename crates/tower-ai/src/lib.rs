//! Small tower layers that keep AI answers coming while a provider has a bad day.
