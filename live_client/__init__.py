"""A raw MySQL client on the standard socket and ssl modules, sharing its wire layout with the analyzer."""
