"""What a person starts from the page: commands of ILW as processes, one after the other."""
