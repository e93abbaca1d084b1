"""What learns: classifiers, fine-tuning, pretraining."""
