% What Octave's load makes of a record: a line for each variable; see run.sh.
% Octave's arrays run the other way round, so its shapes are printed reversed; its order of values
% in memory is the file's.
file = argv(){1};
data = load(file);
names = sort(fieldnames(data));
for k = 1:numel(names)
    values = data.(names{k});
    shape = fliplr(size(values));
    if isvector(values)
        shape = numel(values);
    end
    numbers = double(values(:));
    present = numbers(! isnan(numbers));
    printf("%s %s %d", names{k}, strjoin(arrayfun(@num2str, shape, "UniformOutput", false), "x"), ...
           numel(numbers) - numel(present));
    if ! isempty(present)
        printf(" %.17g", min(present), max(present), present(1), present(end));
    end
    printf("\n");
end
