"""Looking at what others write: external datasets, probes of sources, drift at our own URIs."""
