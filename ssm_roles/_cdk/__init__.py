"""The crossing into Node.js: what a stack shares, resources of the CDK, and checks of the complete app."""
