"""Networks that turn images into features, and the devices that they run on."""
