"""Run these with `python -m unittest discover tests`."""

import unittest

from app.__main__ import greet


class Greeting(unittest.TestCase):
    def test_greets_by_name(self):
        self.assertEqual(greet("Ada"), "Hello, Ada!")


if __name__ == "__main__":
    unittest.main()
