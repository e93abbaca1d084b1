"""The exception that ends a stage or command with one line for its user."""


class UserError(Exception):
    """A mistake in the input or a fault of the environment, which the user can mend.

    The message is one line. It names what is wrong, the value that was found, what is allowed, and what to do.
    """
