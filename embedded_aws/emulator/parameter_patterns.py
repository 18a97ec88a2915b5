r"""The patterns of template parameters, which have the syntax of Java.

Unlike the module `re`, Java and the package `regex` know the categories of Unicode, such as `\p{L}`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import regex

from .ministack import cloudformation_engine


def install() -> None:
    """Correct the patterns of MiniStack."""
    cloudformation_engine.re = regex
