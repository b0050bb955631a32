"""The whole job on real pictures, on loopback."""
