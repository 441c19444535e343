"""How a person's own low-quality pictures compare with the LR that training makes."""
