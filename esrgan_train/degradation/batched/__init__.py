"""Carrying out drawings for a whole batch at once, with torch, on any device."""
