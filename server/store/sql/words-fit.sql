-- Whether a text of no index has the words that a full-text search asks for; as search_text is made.
select $1::text <> '' and to_tsvector('simple', $1::text) @@ websearch_to_tsquery('simple', $2::text)
