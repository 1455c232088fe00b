"""What is remembered in SQL. Redis coordinates, SQL remembers: losing Redis loses nothing here."""
