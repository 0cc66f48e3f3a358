"""Frame -> Performance: what the person does, read from its picture. Only numbers and a mask leave."""
