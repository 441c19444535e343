"""What a training costs, on which GPUs, and what runs short first; predicted, not measured."""
