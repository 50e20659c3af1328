"""The commands of `screening`, one module each; `cli.COMMANDS` lists them."""
