"""What `make bench` measures. Numbers are ratios on one noisy machine: compare rows of one run, not runs."""
