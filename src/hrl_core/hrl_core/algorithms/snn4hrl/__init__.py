"""SNN4HRL (arXiv 1704.03012): skills that tell themselves apart by where they lead, and a manager over them."""
