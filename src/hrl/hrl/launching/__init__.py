"""Starting the processes of a graph, watching and ending them."""
