-- The words of the sets of parameters of a type in which one of $2 is ($3), or none.
select h from presence where type = $1 and (codes && $2::text[]) = $3
