"""Work that people do: pieces of business, tasks that runs wait for, and who there is to do them."""
