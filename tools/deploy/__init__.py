"""What a deployment needs: packages, expanded templates, the account's limits."""
