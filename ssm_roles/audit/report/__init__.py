"""The report: who may pass which role, who may assume it, what it may do, and what is wrong with it, on one page."""
