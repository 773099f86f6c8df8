"""What two comparisons share: our structured pruning beside Torch-Pruning's and NNCF's."""
