"""Sets of photographs by name: fetched, checked, unpacked and reduced."""
