"""What a person wanted: a reward found in demonstrations, kept in a file, learned from."""
