"""What operators see: routes for those who run the gateway, not for its clients."""
