"""What several tests, and benches, share beside the switches in `hosts`; no file here is a test."""
