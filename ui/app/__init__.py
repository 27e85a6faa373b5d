"""The app: what a person sees of a project in the browser. Reads the store only; loads no code of the project."""
