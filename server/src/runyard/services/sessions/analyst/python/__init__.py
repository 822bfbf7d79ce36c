"""What syntax trees of Python tell: modules and their imports, functions, tests, routes, calls that deserve a look."""
