"""Graphs in the app: which part of one is shown, where its nodes lie, and the component that draws it."""
