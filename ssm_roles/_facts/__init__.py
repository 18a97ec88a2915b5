"""What AWS documents, as data with sources. Needs neither the CDK nor Node.js."""
