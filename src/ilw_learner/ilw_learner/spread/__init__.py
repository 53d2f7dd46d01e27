"""One function over many jobs: in this process, in several, on other machines with Ray."""
