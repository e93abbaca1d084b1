"""The exceptions of a failed download.

Their messages start with a verb, because the address precedes them: "<address> did not answer (ReadTimeout)".
"""


class DownloadError(Exception):
    """A failure that another attempt would meet again."""


class TransientError(DownloadError):
    """A failure that another attempt may not meet."""
