import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # where scapy_smf and site are
