"""Small constructs, each for one kind of resource as the component wants it; the stacks only compose them."""
