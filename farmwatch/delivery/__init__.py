"""How the morning report reaches somebody: mail, a webhook, and what starts it every morning."""
