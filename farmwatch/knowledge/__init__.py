"""What tools, KVMs, VPNs, meeting services and places look like: data files and matchers. Imports only ``errors``."""
