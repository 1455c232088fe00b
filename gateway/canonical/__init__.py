"""The model that every dialect is translated to and from: requests, events, errors. Pure."""
