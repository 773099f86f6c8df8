"""Gates: convolutions that choose by image which of their channels they compute."""
